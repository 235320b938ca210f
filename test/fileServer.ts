/** A server of one file, which breaks off, forgets ranges or changes versions as a test tells it to. */
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export class FileServer {
  file = Buffer.alloc(0);
  etag: string | undefined;
  /** Bytes after which the next transfers break off. */
  breaks: number[] = [];
  ranges = true;
  /** Bytes after which the next transfers go silent, and stay open. */
  stalls: number[] = [];
  /** Whether nothing is answered at all. */
  silent = false;
  /** Whether answers say how long they are. */
  stated = true;
  /** Milliseconds between pieces; 0: all at once. */
  slow = 0;
  /** Method and range of each request. */
  asked: string[] = [];
  private readonly server = createServer((request, response) => this.answer(request, response));

  static async start(): Promise<FileServer> {
    const own = new FileServer();
    await new Promise<void>((resolve) => own.server.listen(0, '127.0.0.1', resolve));
    return own;
  }

  /** 100,000 bytes of version "one", without accidents. */
  reset(): void {
    this.file = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7 + (i >> 8)) & 255));
    [this.etag, this.breaks, this.ranges, this.asked] = ['"one"', [], true, []];
    [this.stalls, this.silent, this.stated, this.slow] = [[], false, true, 0];
  }

  get address(): URL {
    return new URL(`http://127.0.0.1:${(this.server.address() as AddressInfo).port}/net.onnx`);
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private answer(request: IncomingMessage, response: ServerResponse): unknown {
    // as servers of models do for pages of other origins
    const open = {
      'access-control-allow-origin': '*',
      'access-control-allow-headers': 'range',
      'access-control-expose-headers': 'etag, content-range, content-length',
    };
    if (request.method === 'OPTIONS') return response.writeHead(204, open).end();
    this.asked.push(`${request.method} ${request.headers.range ?? ''}`.trim());
    if (this.silent) return undefined;
    if (request.url === '/missing') return response.writeHead(404, open).end();
    const from = this.ranges ? Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0) : 0;
    if (from >= this.file.length && from > 0) return response.writeHead(416, open).end();
    const part = this.file.subarray(from);
    const range = from > 0 && { 'content-range': `bytes ${from}-${this.file.length - 1}/${this.file.length}` };
    response.writeHead(from > 0 ? 206 : 200, {
      ...open,
      ...(this.stated && { 'content-length': part.length }),
      ...(this.etag && { etag: this.etag }),
      ...range,
    });
    if (request.method === 'HEAD') return response.end();
    const stall = this.stalls.shift();
    if (stall !== undefined) return response.write(part.subarray(0, stall));
    if (this.slow > 0) return void this.dribble(response, part);
    const stop = this.breaks.shift();
    if (stop === undefined) return response.end(part);
    return response.write(part.subarray(0, stop), () => setTimeout(() => response.destroy(), 20));
  }

  private async dribble(response: ServerResponse, part: Buffer): Promise<void> {
    for (let at = 0; at < part.length; at += 10_000) {
      response.write(part.subarray(at, at + 10_000));
      await new Promise((resolve) => setTimeout(resolve, this.slow));
    }
    response.end();
  }
}
