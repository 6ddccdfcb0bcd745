// Free TCP ports for the servers of a test run: below the range that outgoing connections take theirs from.
import { createServer } from 'node:net';

const FIRST = 22_000;
const COUNT = 1_000;

/** So many ports of 127.0.0.1 that nothing listens on. Another program may still be faster: be ready to try again. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const found: number[] = [];
  const offset = Math.floor(Math.random() * COUNT);
  for (let i = 0; i < COUNT && found.length < count; i++) {
    const port = FIRST + ((offset + i) % COUNT);
    if (await isFree(port)) found.push(port);
  }
  if (found.length < count) throw new Error(`no ${count} free ports from ${FIRST} on`);
  return found;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () =>
      server.close(() => resolve(true)),
    );
  });
}
