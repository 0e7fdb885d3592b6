import { render } from '@testing-library/react';
import { expect, test } from 'vitest';
import { readableTime } from '../i18n/time';
import { LocalTimes } from './LocalTimes';

test('tells the times of a sentence where the reader is', () => {
  const { container } = render(
    <LocalTimes text="made at 2026-11-22 21:50 UTC, ended at 2026-11-25 00:05 UTC." language="en" />,
  );
  const times = [...container.querySelectorAll('time')];
  expect(times.map((time) => time.dateTime)).toEqual(['2026-11-22T21:50:00Z', '2026-11-25T00:05:00Z']);
  const [made, ended] = times.map((time) => readableTime(time.dateTime, 'en'));
  expect(container).toHaveTextContent(`made at ${made}, ended at ${ended}.`);
});

test('leaves a sentence without times as it is', () => {
  const { container } = render(<LocalTimes text="没有时间 2026-11-22" language="zh-CN" />);
  expect(container).toHaveTextContent('没有时间 2026-11-22');
  expect(container.querySelector('time')).toBeNull();
});
