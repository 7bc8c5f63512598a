// What a service and what it needs make of each other is as the book beside this file has it.

import { join } from 'node:path';
import { testBook } from '../support/book.ts';
import { needs } from './needs.ts';

testBook(join(import.meta.dirname, 'needs.txt'), needs());
