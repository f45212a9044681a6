/** Whose X-Forwarded-* are believed: the addresses and ranges of an App's proxies. */
import net from 'node:net';

/** Undefined: nobody's. */
export function compileTrust(ranges: readonly string[] = []): ((address: string) => boolean) | undefined {
  if (ranges.length === 0) return undefined;
  const list = new net.BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    if (bits === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(bits), familyOf(address));
  }
  return (address) => {
    // A link-local address comes with its interface: fe80::1%eth0.
    const [plain = ''] = address.split('%');
    return net.isIP(plain) !== 0 && list.check(plain, familyOf(plain));
  };
}

export function isRange(range: string): boolean {
  try {
    compileTrust([range]);
    return true;
  } catch {
    return false;
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return net.isIPv6(address) ? 'ipv6' : 'ipv4';
}
