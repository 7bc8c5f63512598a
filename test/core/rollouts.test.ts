// What becomes of a rollout when something else happens is as the book beside this file has it.

import { join } from 'node:path';
import { testBook } from '../support/book.ts';
import { rollouts } from './rollouts.ts';

testBook(join(import.meta.dirname, 'rollouts.txt'), rollouts());
