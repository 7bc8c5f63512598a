// A folder of its own for a test, gone afterwards.

import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** A new folder below ./tmp/test (paths stay short: a socket's may have 107 bytes). */
export async function scratch(): Promise<{ readonly path: string } & AsyncDisposable> {
  const parent = resolve(import.meta.dirname, '../../tmp/test');
  await mkdir(parent, { recursive: true });
  const path = await mkdtemp(join(parent, 't'));
  // Services of other users enter it with their own rights.
  await chmod(path, 0o755);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
    },
  };
}
