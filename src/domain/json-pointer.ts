/** A JSON Pointer (RFC 6901) one step further. The pointer to the whole document is the empty text. */
export function pointerTo(parent: string, step: string | number): string {
  return `${parent}/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
