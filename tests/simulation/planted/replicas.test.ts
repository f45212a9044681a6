/** The checker is checked: bugs in what runs, and until when. */
import { REPLICAS } from './bugs.ts';
import { findAll } from './find.ts';

findAll(REPLICAS);
