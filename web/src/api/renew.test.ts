import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { describe, expect, it } from 'vitest';
import { renew } from './renew';

describe('a question that is on its way while its answer changes', () => {
  it('is asked again, also when it never had an answer', async () => {
    const client = new QueryClient();
    let now = 'before';
    const answers: (() => void)[] = [];
    const observer = new QueryObserver(client, {
      queryKey: ['review', 'pair'],
      queryFn: ({ signal }) => new Promise<string>((done, fail) => {
        const said = now;
        signal.addEventListener('abort', () => fail(new Error('broken off')));
        answers.push(() => done(said));
      }),
      retry: false,
    });
    const leave = observer.subscribe(() => undefined);
    expect(answers.length).toBe(1);
    now = 'after';
    const renewed = renew(client, ['review']);
    await new Promise((done) => setTimeout(done, 10));
    answers.forEach((answer) => answer());
    await renewed;
    expect(observer.getCurrentResult().data).toBe('after');
    leave();
    client.clear();
  });
});
