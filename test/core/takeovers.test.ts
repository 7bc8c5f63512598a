// What the next opsd makes of what an earlier one left is as the book beside this file has it.

import { join } from 'node:path';
import { testBook } from '../support/book.ts';
import { takeovers } from './takeovers.ts';

testBook(join(import.meta.dirname, 'takeovers.txt'), takeovers());
