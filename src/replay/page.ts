import { writeFile } from 'node:fs/promises';
import type { Batch } from '../model/batch.js';
import type { Point } from '../model/point.js';
import { notWritten } from '../files/whole-file.js';
import { type PagePoint, pageData } from './page/page-data.js';
import { renderPage } from './page/render-page.js';

/** What a browser still shows well, and memory holds easily: so many points each way. */
const maxPoints = 100_000;

/** Keeps the first points of a replay, and writes them as a page. */
export class Page {
  readonly #path: string;
  readonly #input: PagePoint[] = [];
  readonly #emitted: PagePoint[] = [];
  #left = 0;

  constructor(path: string) {
    this.#path = path;
  }

  input(item: Point | Batch): void {
    this.#keep(this.#input, item);
  }

  emitted(item: Point | Batch): void {
    this.#keep(this.#emitted, item);
  }

  /** Returns how many points did not find room. */
  async write(title: string): Promise<number> {
    await writeFile(this.#path, renderPage(pageData(title, this.#input, this.#emitted))).catch(
      (cause: unknown) => {
        throw notWritten(this.#path, cause);
      },
    );
    return this.#left;
  }

  #keep(points: PagePoint[], item: Point | Batch): void {
    const { group } = item;
    for (const point of 'points' in item ? item.points : [item]) {
      if (points.length >= maxPoints) this.#left++;
      else points.push({ time: point.time, group, fields: point.fields });
    }
  }
}
