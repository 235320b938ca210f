/** What pointers do beside pressing buttons. */

/** While the picture is held, nothing lies over it. */
export function holdToCompare(lens: HTMLElement): void {
  const bare = (on: boolean) => (): void => void lens.toggleAttribute('data-bare', on);
  lens.addEventListener('pointerdown', bare(true));
  for (const end of ['pointerup', 'pointercancel', 'pointerleave'] as const) lens.addEventListener(end, bare(false));
  lens.addEventListener('contextmenu', (event) => {
    if (lens.hasAttribute('data-bare')) event.preventDefault(); // a finger that rests asks for none
  });
}

/** Lets what unfolds over the page fold again: by a click beside it, or by Escape. */
export function closeBeside(all: Iterable<HTMLDetailsElement>): void {
  const details = [...all];
  document.addEventListener('pointerdown', ({ target }) => {
    for (const one of details) if (!one.contains(target as Node)) one.open = false;
  });
  document.addEventListener('keydown', ({ key }) => {
    if (key !== 'Escape') return;
    for (const one of details.filter(({ open }) => open)) {
      one.open = false;
      one.querySelector('summary')!.focus();
    }
  });
}
