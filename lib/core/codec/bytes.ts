/** Bytes to base64 and back, in Node by `Buffer` (20 times as fast), else by what browsers have. */
export function toBase64(bytes: Uint8Array): string {
  if (typeof Buffer === 'function') {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  }
  let binary = '';
  for (const byte of bytes) {
    binary += String.fromCharCode(byte);
  }
  return btoa(binary);
}

/** The bytes in memory of their own, so that a typed array can be laid over them. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  if (typeof Buffer === 'function') {
    return new Uint8Array(Buffer.from(text, 'base64'));
  }
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

/** Length of a text in UTF-8. */
export function utf8Length(text: string): number {
  return typeof Buffer === 'function' ? Buffer.byteLength(text) : new TextEncoder().encode(text).length;
}
