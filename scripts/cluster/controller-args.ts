/** Arguments of the controller in its manifest without the port of the pod: the network of a fixture has other things there. */
export function withoutListen(args: readonly string[]): string[] {
  const at = args.indexOf('--listen');
  return at < 0 ? [...args] : args.toSpliced(at, 2);
}
