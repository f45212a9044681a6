import { OperatingError } from '../../core/errors.ts';
import type { AppSpec } from '../../spec/app.ts';
import { parseAppValue, renderApp } from '../../spec/index.ts';

/**
 * An App document as a complete spec.
 * @throws OperatingError E_APP_FILE with every error of the document
 */
export function validSpec(document: unknown, baseDir?: string): AppSpec {
  const { app, errors } = parseAppValue(document, baseDir === undefined ? {} : { baseDir });
  if (app && errors.length === 0) return app;
  const told = errors.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
  throw new OperatingError('E_APP_FILE', `The App is not valid: ${told}`, { details: { errors } });
}

/** A spec that was edited in place, held to the same rules as one that a user wrote. @throws OperatingError E_APP_FILE */
export function revalidated(edited: AppSpec): AppSpec {
  return validSpec(renderApp(edited));
}
