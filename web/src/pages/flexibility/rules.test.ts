import { describe, expect, it } from 'vitest';
import { ruleWords, rulesBody, windowsOf, windowsText } from './rules';

describe('further rules of a program', () => {
  it('have windows of a text', () => {
    expect(windowsOf('14:00-21:00')).toEqual([{ from: '14:00', to: '21:00' }]);
    expect(windowsOf(' 6:00 to 9:00, 17:00 – 20:00 ')).toEqual([{ from: '6:00', to: '9:00' }, { from: '17:00', to: '20:00' }]);
    expect(windowsOf('  ')).toBeUndefined();
    expect(windowsOf('evening')).toEqual([{ from: 'evening', to: '' }]);
  });
  it('are sent as numbers, without what is empty', () => {
    expect(rulesBody({ windows: '14:00-21:00', notice_min: '120', incentive_per_kwh: '0,2', priority: '', max_events_per_day: '0', name: 'x' })).toEqual({ windows: [{ from: '14:00', to: '21:00' }], notice_min: 120, incentive_per_kwh: 0.2, max_events_per_day: 0 });
  });
  it('leave windows alone that were not touched', () => {
    const windows = [{ days: ['monday'], from: '14:00', to: '21:00' }];
    expect(rulesBody({ windows: windowsText(windows) }, { windows })).toEqual({});
    expect(rulesBody({ windows: '15:00-21:00' }, { windows })).toEqual({ windows: [{ from: '15:00', to: '21:00' }] });
  });
  it('are a sentence, or nothing', () => {
    expect(ruleWords({})).toBe('');
    expect(ruleWords({ notice_min: 0, priority: 0 })).toBe('');
    expect(ruleWords({ windows: [{ from: '14:00', to: '21:00' }], notice_min: 120, max_events_per_day: 1, incentive_per_kwh: 0.2 })).toBe('Events: within 14:00 to 21:00, announced 120 min before, at most 1 a day, 0.2 paid per kWh.');
  });
});
