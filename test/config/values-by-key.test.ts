// What each key takes, and what is told of all else, is as the book beside this file has it.

import { join } from 'node:path';
import { testBook } from '../support/book.ts';
import { entries } from './values-by-key.ts';

testBook(join(import.meta.dirname, 'values-by-key.txt'), entries());
