/** Where a listener binds: a numeric address, IPv6 without brackets. */
export interface Address {
  host: string;
  port: number;
}

const LOOPBACK = '127.0.0.1';
const OCTET = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const IPV4 = new RegExp(`^(?:${OCTET}\\.){3}${OCTET}$`);
/** Loose: two or more colons between hex groups. What is wrong beyond that, the listener itself says. */
const IPV6 = /^(?=(?:.*:){2})(?:[0-9a-f]{0,4}:){2,7}(?:[0-9a-f]{0,4})$/i;

/** `8000`, `127.0.0.1:8000`, `localhost:8000`, `[::1]:8000`. A number alone binds loopback. Undefined: none of these. */
export function parseListen(value: number | string): Address | undefined {
  if (typeof value === 'number') return isPort(value) ? { host: LOOPBACK, port: value } : undefined;
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):([1-9]\d{0,4})$/.exec(value);
  if (!match) return undefined;
  const [, v6, v4, digits] = match;
  const port = Number(digits);
  if (!isPort(port)) return undefined;
  if (v6 !== undefined) return IPV6.test(v6) ? { host: v6.toLowerCase(), port } : undefined;
  const host = v4 === 'localhost' ? LOOPBACK : v4;
  return host !== undefined && IPV4.test(host) ? { host, port } : undefined;
}

/** As parseListen reads it back; always with the host, so that nobody has to know the default. */
export function formatListen(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** `10.0.0.7`, `10.0.0.0/8`, `fd00::/8`: an address, or a range of them. */
export function isAddressRange(text: string): boolean {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const most = IPV4.test(address) ? 32 : isIpv6(address) ? 128 : -1;
  return most >= 0 && (bits === undefined || Number(bits) <= most);
}

function isIpv6(text: string): boolean {
  const halves = text.split('::');
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  if (halves.length > 2 || !groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return false;
  return halves.length === 2 ? groups.length < 8 : groups.length === 8;
}

/** Two listeners of which only one could be opened: same port, and same host or one of them on every address. */
export function overlaps(a: Address, b: Address): boolean {
  return a.port === b.port && (a.host === b.host || isAny(a.host) || isAny(b.host));
}

function isAny(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}
