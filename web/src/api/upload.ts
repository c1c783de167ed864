/** Uploads with progress, which `fetch` does not tell. */

import { strings } from '../strings';
import { useSession } from '../state/session';
import { ApiError } from './client';
import type { Problem } from './types';

export function upload<T>(address: string, form: FormData, onProgress: (sent: number, total: number) => void, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', address);
    request.setRequestHeader('Accept', 'application/json');
    const csrf = useSession.getState().session?.csrf;
    if (csrf) request.setRequestHeader('X-Gridtwin-Csrf', csrf);
    request.upload.onprogress = (event) => onProgress(event.loaded, event.lengthComputable ? event.total : 0);
    request.onerror = () => reject(new ApiError({ title: strings.problem.noAnswer, status: 0, detail: strings.problem.noAnswerDetail(address), hint: strings.problem.noAnswerHint }));
    request.onabort = () => reject(new DOMException('aborted', 'AbortError'));
    request.onload = () => {
      let body: unknown;
      try {
        body = JSON.parse(request.responseText);
      } catch {
        body = undefined;
      }
      if (request.status >= 200 && request.status < 300) {
        resolve(body as T);
        return;
      }
      if (request.status === 401) useSession.getState().ended();
      const problem = (body ?? {}) as Partial<Problem>;
      reject(new ApiError({ ...problem, title: problem.title ?? strings.problem.status(request.status), status: request.status }));
    };
    signal?.addEventListener('abort', () => request.abort());
    request.send(form);
  });
}
