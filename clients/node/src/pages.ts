// Lists, page after page.
import { DataLossError } from "./errors.js";

/** Where a page begins. */
export interface Cursor {
  startingAfter?: string | undefined;
  endingBefore?: string | undefined;
}

/** One page, newest first. */
interface Page<T> {
  data: T[];
  hasMore: boolean;
}

/** How many are asked for at once where the caller does not say: the most that there can be. */
export const PAGE = 100;

/**
 * What all pages from `cursor` on have: one after the other to older ones, or, where it says `endingBefore`, to newer ones, oldest
 * first.
 */
export async function* all<T extends { id: string }>(
  cursor: Cursor,
  read: (cursor: Cursor) => Promise<Page<T>>,
): AsyncGenerator<T, void, undefined> {
  const newer = cursor.endingBefore !== undefined;
  for (;;) {
    const page = await read(cursor);
    const data = newer ? page.data.toReversed() : page.data;
    yield* data;
    if (!page.hasMore) {
      return;
    }
    const last = data.at(-1);
    if (last === undefined) {
      // All of the page is damaged, and was left out.
      throw new DataLossError("a page is empty, and the list cannot be read on from it");
    }
    cursor = newer ? { endingBefore: last.id } : { startingAfter: last.id };
  }
}
