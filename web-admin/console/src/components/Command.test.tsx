import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { I18nextProvider } from 'react-i18next';
import { expect, test, vi } from 'vitest';
import { createI18n } from '../i18n/i18n';
import { zhCN } from '../i18n/zh-CN';
import { Command } from './Command';

const line = 'signet version';

function setup() {
  const user = userEvent.setup();
  render(
    <I18nextProvider i18n={createI18n()}>
      <Command line={line} />
    </I18nextProvider>,
  );
  return { user, button: screen.getByRole('button', { name: zhCN.command.copy }) };
}

test('copies the line and says so to a screen reader', async () => {
  const { user, button } = setup();
  await user.click(button);
  expect(await navigator.clipboard.readText()).toBe(line);
  expect(screen.getByRole('status')).toHaveTextContent(zhCN.command.copied);
});

test('selects the line where the browser refuses the clipboard', async () => {
  const { user, button } = setup();
  vi.spyOn(navigator.clipboard, 'writeText').mockRejectedValue(
    new DOMException('refused', 'NotAllowedError'),
  );
  await user.click(button);
  expect(getSelection()?.toString()).toBe(line);
  expect(screen.getByRole('status')).toHaveTextContent(zhCN.command.selected);
});

test('works by keyboard and names the line it copies', async () => {
  const { user, button } = setup();
  expect(button).toHaveAccessibleDescription(line);
  await user.tab();
  expect(button).toHaveFocus();
  await user.keyboard('{Enter}');
  expect(await navigator.clipboard.readText()).toBe(line);
});

test('takes the word back when the button is left', async () => {
  const { user, button } = setup();
  await user.click(button);
  await user.tab();
  expect(screen.getByRole('status')).toBeEmptyDOMElement();
});
