// What goes together, and what is told of what does not, is as the book beside this file has it.

import { join } from 'node:path';
import { testBook } from '../support/book.ts';
import { together } from './together.ts';

testBook(join(import.meta.dirname, 'together.txt'), together());
