/** Requests as commands of a shell, for programs and for colleagues. */

export interface Asking {
  method?: string;
  /** Below the server, with its query. */
  address: string;
  body?: unknown;
  /** Files of a form, by their names in it. */
  files?: string[];
  /** What the command does, where there are several. */
  note?: string;
}

/** A word of a shell, whatever is in it. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The token stands in a variable: it belongs into no copied text. */
export function curl(origin: string, asking: Asking): string {
  const method = asking.method ?? 'GET';
  const parts = ['curl', ...(method === 'GET' ? [] : [`-X ${method}`]), '-H "Authorization: Bearer $GRIDTWIN_TOKEN"'];
  if (asking.body !== undefined) parts.push("-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(asking.body))}`);
  for (const file of asking.files ?? []) parts.push(`-F ${quoted(`files=@${file}`)}`);
  return [...(asking.note ? [`# ${asking.note.replace(/\s+/g, ' ')}`] : []), [...parts, quoted(`${origin}${asking.address}`)].join(' \\\n  ')].join('\n');
}
