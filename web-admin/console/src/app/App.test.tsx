import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { I18nextProvider } from 'react-i18next';
import { describe, expect, test, vi } from 'vitest';
import { en } from '../i18n/en';
import { createI18n } from '../i18n/i18n';
import { zhCN } from '../i18n/zh-CN';
import { App } from './App';

/** Opens the page as a browser does: everything that a reload forgets is made anew. */
function open(path = '/start') {
  history.replaceState(null, '', path);
  return render(
    <I18nextProvider i18n={createI18n()}>
      <App />
    </I18nextProvider>,
  );
}

const english = () => screen.getByRole('button', { name: 'English' });
const chinese = () => screen.getByRole('button', { name: '中文' });
const heading = () => screen.getByRole('heading', { level: 1 });

describe('the page', () => {
  test('is in Chinese for whoever chose nothing', () => {
    open();
    expect(heading()).toHaveTextContent(zhCN.welcome.heading);
    expect(document.documentElement).toHaveAttribute('lang', 'zh-CN');
    expect(document.title).toBe(zhCN.title);
    expect(chinese()).toHaveAttribute('aria-pressed', 'true');
  });

  test('is in English when the address asks for it', () => {
    open('/start?lang=en');
    expect(heading()).toHaveTextContent(en.welcome.heading);
    expect(document.documentElement).toHaveAttribute('lang', 'en');
    expect(document.title).toBe(en.title);
    expect(english()).toHaveAttribute('aria-pressed', 'true');
  });

  test.each(['/start?lang=fr', '/start?lang=', '/start?lang=e'])(
    'is in Chinese at %s, a language it has not',
    (path) => {
      open(path);
      expect(heading()).toHaveTextContent(zhCN.welcome.heading);
    },
  );

  test('remembers the language that its address asked for', () => {
    open('/start?lang=en').unmount();
    open();
    expect(heading()).toHaveTextContent(en.welcome.heading);
  });

  test('remembers the language that was chosen on it', async () => {
    const first = open();
    await userEvent.click(english());
    expect(heading()).toHaveTextContent(en.welcome.heading);
    expect(document.documentElement).toHaveAttribute('lang', 'en');
    first.unmount();
    open();
    expect(heading()).toHaveTextContent(en.welcome.heading);
  });

  test('keeps a choice across a reload of an address that asked for another language', async () => {
    const first = open('/start?lang=en&from=mail#top');
    await userEvent.click(chinese());
    expect(location.search + location.hash).toBe('?from=mail#top');
    first.unmount();
    render(
      <I18nextProvider i18n={createI18n()}>
        <App />
      </I18nextProvider>,
    );
    expect(heading()).toHaveTextContent(zhCN.welcome.heading);
  });

  test('works where the browser refuses storage', async () => {
    vi.spyOn(Storage.prototype, 'getItem').mockImplementation(() => {
      throw new DOMException('refused', 'SecurityError');
    });
    vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
      throw new DOMException('refused', 'SecurityError');
    });
    open();
    await userEvent.click(english());
    expect(heading()).toHaveTextContent(en.welcome.heading);
  });

  test.each(['/start?lang=zh', '/start?lang=en'])(
    'at %s says how to make an owner and where the API is',
    (path) => {
      open(path);
      expect(screen.getByText('signet admin create --email you@example.com --password-stdin')).toBeVisible();
      expect(screen.getByText('curl --json @login.json http://localhost:8881/api/v1/session')).toBeVisible();
      expect(screen.getByRole('link')).toHaveAttribute('href', '/api/v1/openapi.json');
    },
  );

  test.each(['/start?lang=zh', '/start?lang=en'])(
    'at %s shows no key, no mark and no gap where a phrase belongs',
    (path) => {
      const { container } = open(path);
      expect(container.textContent).not.toMatch(/\{\{|\}\}|<\/?code>|welcome\.|command\./);
      expect(screen.getByText('{"email":"…","password":"…"}')).toBeVisible();
    },
  );

  test('is the one behind an intake link at its address', () => {
    open('/intake');
    expect(heading()).toHaveTextContent(zhCN.intake.missing.heading);
    expect(document.title).toBe(zhCN.intake.title);
  });
});
