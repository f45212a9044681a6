/** The checker is checked: bugs in where requests go. */
import { ROUTES } from './bugs.ts';
import { findAll } from './find.ts';

findAll(ROUTES);
