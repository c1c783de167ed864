import js from '@eslint/js';
import hooks from 'eslint-plugin-react-hooks';
import ts from 'typescript-eslint';

export default ts.config(
  { ignores: ['dist', 'node_modules', 'src/api/schema.d.ts'] },
  js.configs.recommended,
  ...ts.configs.recommended,
  { files: ['src/**/*.{ts,tsx}'], plugins: { 'react-hooks': hooks }, rules: { 'react-hooks/rules-of-hooks': 'error', 'react-hooks/exhaustive-deps': 'warn' } },
  { files: ['e2e/**/*.mjs', 'public/**/*.js'], languageOptions: { globals: { console: 'readonly', process: 'readonly', document: 'readonly', window: 'readonly', localStorage: 'readonly', location: 'readonly', URLSearchParams: 'readonly', matchMedia: 'readonly', setTimeout: 'readonly', fetch: 'readonly', URL: 'readonly', Buffer: 'readonly', performance: 'readonly', PerformanceObserver: 'readonly', FormData: 'readonly', Blob: 'readonly', getComputedStyle: 'readonly', clearTimeout: 'readonly', atob: 'readonly', createImageBitmap: 'readonly', OffscreenCanvas: 'readonly', HTMLInputElement: 'readonly', requestAnimationFrame: 'readonly', cancelAnimationFrame: 'readonly' } } },
);
