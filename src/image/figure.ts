/**
 * A figure to hand on: what was computed, of what, by which net, and where to see it. It is described as data, and
 * drawn as SVG from that alone; the PNG is the same drawing.
 */

export interface Figure {
  /** What it is about: a class, or several. */
  readonly title: string;
  /** What the net says of it: score, probability. */
  readonly subtitle: string;
  readonly panels: readonly Panel[];
  readonly scale?: ScaleBar;
  /** How it was made, a line each. */
  readonly notes: readonly string[];
  /** Of the page, with all choices; none where no page made it. */
  readonly address?: string;
}

export interface Panel {
  /** `data:` address of a picture: an SVG that is shown as a picture may load nothing else. */
  readonly picture: string;
  /** Of the picture. */
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly text?: string;
  /** Whether enlarged pixels stay squares. */
  readonly pixelated?: boolean;
}

/** What the colours of a map mean. */
export interface ScaleBar {
  /** Evenly spaced, from low to high: `#rrggbb`. */
  readonly colours: readonly string[];
  readonly low: string;
  readonly high: string;
  readonly meaning: string;
}

const WIDTH = 1200;
const MARGIN = 40;
const INNER = WIDTH - 2 * MARGIN;
const GAP = 20;
/** Rows of panels are no higher than this, so that a figure of one tall picture fits on a screen. */
const MOST_ROW = 640;
const INK = '#1b2426';
const QUIET = '#586467';
const PAGE = '#ffffff';
const ACCENT = '#0b6e75';
/** A letter is at most about this wide, as a part of its height; nothing can be measured here. */
const LETTER = 0.56;

/** The figure as a stand-alone SVG file, in white. */
export function figureSvg(figure: Figure): string {
  const parts: string[] = [];
  let y = MARGIN;
  const write = (text: string, size: number, { colour = INK, weight = 400 } = {}): void => {
    for (const line of wrapped(text, Math.floor(INNER / (size * LETTER)))) {
      y += size * 1.35;
      parts.push(textAt(MARGIN, y - size * 0.3, line, { size, colour, weight }));
    }
  };
  write(figure.title, 40, { weight: 650 });
  if (figure.subtitle) write(figure.subtitle, 24, { colour: QUIET });
  y += 20;
  const rows = rowsOf(figure.panels);
  const high = Math.min(MOST_ROW, ...rows.slice(0, 1).map(heightOf)); // of all rows: the last may have fewer panels
  for (const row of rows) y += drawRow(parts, row, { top: y, high }) + GAP;
  if (figure.scale) y += drawScale(parts, figure.scale, y) + 12;
  for (const note of figure.notes) write(note, 19, { colour: QUIET });
  y += 6;
  if (figure.address !== undefined) write(figure.address, 19, { colour: ACCENT });
  const height = Math.ceil(y + MARGIN * 0.7);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" ` +
      `font-family="system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif">`,
    `<title>${escaped(`${figure.title}. ${figure.subtitle}`)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="${PAGE}"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

/** Up to three panels stand in a row; more of them in rows of five, where that fills the last one, or four. */
function rowsOf(panels: readonly Panel[]): readonly (readonly Panel[])[] {
  const most = panels.length <= 3 ? 3 : panels.length % 5 === 0 ? 5 : 4;
  const rows: Panel[][] = [];
  for (let begin = 0; begin < panels.length; begin += most) rows.push(panels.slice(begin, begin + most));
  return rows;
}

/** Of a row that is as wide as the figure. */
const heightOf = (row: readonly Panel[]): number =>
  (INNER - GAP * (row.length - 1)) / row.reduce((sum, { width, height }) => sum + width / height, 0);

/** A row of panels of one height; what it takes from `top` on. */
function drawRow(
  parts: string[],
  row: readonly Panel[],
  { top, high }: { readonly top: number; readonly high: number },
): number {
  const aspects = row.map(({ width, height }) => width / height);
  const titleHeight = 30;
  let x = MARGIN;
  let most = 0;
  row.forEach(({ picture, title, text = '', pixelated }, k) => {
    const wide = high * aspects[k]!;
    const letters = Math.max(8, Math.floor(wide / (19 * LETTER)));
    parts.push(textAt(x, top + 20, shortened(title, letters), { size: 19, colour: INK, weight: 600 }));
    const rendering = pixelated ? ' image-rendering="pixelated"' : '';
    parts.push(
      `<image x="${round(x)}" y="${round(top + titleHeight)}" width="${round(wide)}" height="${round(high)}" ` +
        `preserveAspectRatio="none"${rendering} href="${escaped(picture)}"/>`,
    );
    const lines = text ? wrapped(text, letters) : [];
    lines.forEach((line, n) =>
      parts.push(textAt(x, top + titleHeight + high + 22 + n * 24, line, { size: 17, colour: QUIET, weight: 400 })),
    );
    most = Math.max(most, lines.length);
    x += wide + GAP;
  });
  return titleHeight + high + (most > 0 ? 8 + most * 24 : 0);
}

/** The bar, its ends and what it means; its height. */
function drawScale(parts: string[], { colours, low, high, meaning }: ScaleBar, top: number): number {
  const stops = colours.map(
    (colour, k) => `<stop offset="${round(k / Math.max(1, colours.length - 1))}" stop-color="${colour}"/>`,
  );
  parts.push(
    `<defs><linearGradient id="scale">${stops.join('')}</linearGradient></defs>`,
    `<rect x="${MARGIN}" y="${round(top)}" width="${INNER}" height="16" rx="4" fill="url(#scale)"/>`,
    textAt(MARGIN, top + 38, low, { size: 17, colour: INK, weight: 400 }),
    textAt(WIDTH - MARGIN, top + 38, high, { size: 17, colour: INK, weight: 400, anchor: 'end' }),
    textAt(WIDTH / 2, top + 38, shortened(meaning, 76), { size: 17, colour: QUIET, weight: 400, anchor: 'middle' }),
  );
  return 50;
}

interface Style {
  readonly size: number;
  readonly colour: string;
  readonly weight: number;
  readonly anchor?: 'middle' | 'end';
}

function textAt(x: number, y: number, text: string, { size, colour, weight, anchor }: Style): string {
  const anchored = anchor ? ` text-anchor="${anchor}"` : '';
  return (
    `<text x="${round(x)}" y="${round(y)}" font-size="${size}" font-weight="${weight}" fill="${colour}"${anchored}>` +
    `${escaped(text)}</text>`
  );
}

/** Lines of at most so many letters; a word that is longer, such as an address, is cut. */
export function wrapped(text: string, letters: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).flatMap((long) => long.match(new RegExp(`.{1,${letters}}`, 'gsu')) ?? [])) {
    if (line !== '' && line.length + 1 + word.length > letters) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

const shortened = (text: string, letters: number): string =>
  text.length <= letters ? text : `${text.slice(0, Math.max(1, letters - 1))}…`;

const round = (value: number): string => String(Math.round(value * 100) / 100);

// A name of a file or a class may hold anything; a control character has no place in XML, not even escaped.
const escaped = (text: string): string =>
  text
    .replace(/[^\P{Cc}\t\n]/gu, ' ')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;');
