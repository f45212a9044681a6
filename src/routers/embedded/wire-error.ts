/** Errors over the control protocol: what the user reads is made where it happened. */
import { OperatingError } from '../../core/errors.ts';
import type { WireError } from './protocol.ts';

export function toWire(error: unknown): WireError {
  if (error instanceof OperatingError) {
    const wire: WireError = { code: error.code, message: error.message };
    if (error.hint !== undefined) wire.hint = error.hint;
    if (error.details !== undefined) wire.details = { ...error.details };
    return wire;
  }
  return { code: 'E_ROUTER_FAILED', message: error instanceof Error ? error.message : String(error) };
}

export function fromWire(wire: WireError): OperatingError {
  const options: { hint?: string; details?: Record<string, unknown> } = {};
  if (wire.hint !== undefined) options.hint = wire.hint;
  if (wire.details !== undefined) options.details = wire.details;
  return new OperatingError(wire.code as `E_${string}`, wire.message, options);
}
