/** What was asked for before a change is not an answer after it. */

import type { QueryClient, QueryKey } from '@tanstack/react-query';

/**
 * Asks anew for everything under the keys. `invalidateQueries` alone lets a first question that is still on its way end
 * as if it had been asked after the change (it breaks off only questions that were answered before), so that what the
 * server said before the change stays on the page; questions on their way are broken off first.
 */
export async function renew(client: QueryClient, ...keys: QueryKey[]): Promise<void> {
  await Promise.all(keys.map(async (queryKey) => {
    await client.cancelQueries({ queryKey });
    await client.invalidateQueries({ queryKey });
  }));
}
