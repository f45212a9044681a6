/** xxh32 (seed 0 unless given): fast, well mixed, and the same as HAProxy's, so that users keep their side across routers. */

const P1 = 0x9e3779b1;
const P2 = 0x85ebca77;
const P3 = 0xc2b2ae3d;
const P4 = 0x27d4eb2f;
const P5 = 0x165667b1;

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

function round(lane: number, input: number): number {
  return Math.imul(rotate((lane + Math.imul(input, P2)) | 0, 13), P1);
}

/** Unsigned 32-bit hash of the bytes. */
export function xxh32(bytes: Buffer, seed = 0): number {
  const n = bytes.length;
  let i = 0;
  let h: number;
  if (n >= 16) {
    let a = (seed + P1 + P2) | 0;
    let b = (seed + P2) | 0;
    let c = seed | 0;
    let d = (seed - P1) | 0;
    for (; i + 16 <= n; i += 16) {
      a = round(a, bytes.readInt32LE(i));
      b = round(b, bytes.readInt32LE(i + 4));
      c = round(c, bytes.readInt32LE(i + 8));
      d = round(d, bytes.readInt32LE(i + 12));
    }
    h = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0;
  } else h = (seed + P5) | 0;
  h = (h + n) | 0;
  for (; i + 4 <= n; i += 4) h = Math.imul(rotate((h + Math.imul(bytes.readInt32LE(i), P3)) | 0, 17), P4);
  for (; i < n; i++) h = Math.imul(rotate((h + Math.imul(bytes[i] as number, P5)) | 0, 11), P1);
  h = Math.imul(h ^ (h >>> 15), P2);
  h = Math.imul(h ^ (h >>> 13), P3);
  return (h ^ (h >>> 16)) >>> 0;
}
