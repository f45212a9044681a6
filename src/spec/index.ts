/** The file format: untrusted text to a typed App and back. Pure. */
export { jsonSchema } from './json-schema.ts';
export { parseAppFile, parseAppValue } from './parse.ts';
export { renderApp, renderAppYaml } from './render.ts';
export { formatSpecErrors, type SpecError } from './spec-error.ts';
