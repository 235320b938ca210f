/// <reference types="vite/client" />
/** Makes the built page work without a network from the second visit on. */

/**
 * Does nothing where `npm start` serves the page, or the browser has no service workers (a private window, plain http).
 */
export function workOffline(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  // what the first map needs is not fetched twice at the same time
  const register = (): void =>
    void navigator.serviceWorker
      .register(new URL('offline.js', document.baseURI))
      .catch((reason: unknown) => console.info(`This page will not work offline: ${String(reason)}`));
  if (document.readyState === 'complete') register();
  else window.addEventListener('load', register, { once: true });
}
