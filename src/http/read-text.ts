/** The start of a response's body. */
export interface ResponseText {
  readonly text: string;
  /** Whether the body is longer than what was read. */
  readonly isCut: boolean;
}

/** Reads at most `maxBytes` of a body and drops the rest: a body without an end must not fill the memory. */
export async function readText(response: Response, maxBytes: number): Promise<ResponseText> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const body: AsyncIterable<Uint8Array> | readonly Uint8Array[] = response.body ?? [];
  // Leaving the loop cancels the body.
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxBytes) break;
  }
  const text = new TextDecoder().decode(Buffer.concat(chunks).subarray(0, maxBytes));
  return { text, isCut: bytes > maxBytes };
}
