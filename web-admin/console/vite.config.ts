import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [react()],
  build: {
    // A data: address would need an exception in the content security policy.
    assetsInlineLimit: 0,
    // Every browser that can run the page preloads modules by itself.
    modulePreload: { polyfill: false },
    target: 'es2022',
  },
  server: {
    port: 5173,
    // `npm run dev` shows the sources, the API behind them is that of `make run`.
    proxy: { '/api': 'http://localhost:8881' },
  },
  test: {
    environment: 'jsdom',
    // The remembered language is kept by origin; the default "about:blank" has none.
    environmentOptions: { jsdom: { url: 'http://localhost:8881/' } },
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/test/setup.ts'],
    restoreMocks: true,
    testTimeout: 30_000,
  },
});
