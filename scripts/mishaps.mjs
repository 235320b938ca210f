/**
 * What may befall the page in a browser, for its tests and for pictures of it. Plain JavaScript, since the commands use
 * it as it is.
 */

/**
 * Runs `script` in every worker of the page's next documents, before the worker's own: there the engine is.
 *
 * @param {import('puppeteer').Page} page
 * @param {string} script
 */
export async function beforeWorkers(page, script) {
  await page.evaluateOnNewDocument((script) => {
    const Plain = globalThis.Worker;
    /** @param {string} code */
    const blob = (code) => URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
    globalThis.Worker = class extends Plain {
      /**
       * @param {string | URL} address
       * @param {WorkerOptions} [options]
       */
      constructor(address, options) {
        super(
          blob(
            `import ${JSON.stringify(blob(script))}; import ${JSON.stringify(new URL(address, location.href).href)};`,
          ),
          options,
        );
      }
    };
  }, script);
}

/**
 * As a driver may: the browser's GPU process dies, and with it every device.
 *
 * @param {import('puppeteer').Page} page
 */
export async function crashGpu(page) {
  const session = await page.browser().target().createCDPSession();
  await session.send('Browser.crashGpuProcess').catch(() => {}); // which answers only sometimes
  await session.detach();
}
