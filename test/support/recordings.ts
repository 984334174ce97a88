import { readFileSync } from 'node:fs';

/** Both directions of one conversation with a real Kapacitor; `test/recordings/README.md` says where they are from. */
export interface Conversation {
  readonly name: string;
  /** What Kapacitor sent. */
  readonly requests: Buffer;
  /** What the UDF answered. */
  readonly responses: Buffer;
}

const read = (file: string): Buffer =>
  readFileSync(new URL(`../recordings/kapacitor-1.5.7-${file}`, import.meta.url));

/** A recorded conversation by its name, such as `adsl-mirror`. */
export function conversation(name: 'adsl-mirror' | 'router-average' | 'cpu-outliers'): Conversation {
  return { name, requests: read(`${name}.requests`), responses: read(`${name}.responses`) };
}

export const conversations: readonly Conversation[] = [
  conversation('adsl-mirror'),
  conversation('router-average'),
  conversation('cpu-outliers'),
];
