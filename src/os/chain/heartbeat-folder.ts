// Makes the folder of a heartbeat file with the rights of the service: where these are not enough, `why` says what is missing.

import { makeFolders } from '../files/make-folders.ts';
import { type Chain, quote } from './exec-chain.ts';

/** A user may have prepared the path, so that nothing but a process of that user makes anything there. */
export function withFolder(chain: Chain, folder: string): Chain {
  const path = quote(folder);
  return { ...chain, steps: [...chain.steps, `[ -d ${path} ] || mkdir -p -- ${path} 2>/dev/null`] };
}

/** For a service without a chain, which has the rights of opsd. */
export function makeIfMissing(folder: string): void {
  try {
    makeFolders(folder);
  } catch {
    // The service may still make it.
  }
}
