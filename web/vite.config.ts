import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const server = process.env.GRIDTWIN_SERVER ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  // MapLibre's worker is a module (see src/pages/map/maplibre.ts).
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 1500,
    rollupOptions: {
      output: {
        advancedChunks: {
          groups: [
            { name: 'map', test: /node_modules[\\/](maplibre-gl|@deck\.gl|@luma\.gl|@math\.gl|@loaders\.gl|pmtiles)/ },
            { name: 'yard', test: /node_modules[\\/]three[\\/]/ },
            { name: 'charts', test: /node_modules[\\/](echarts|zrender)/ },
            { name: 'react', test: /node_modules[\\/](react|react-dom|react-router|scheduler|@tanstack|zustand)[\\/]/ },
          ],
        },
      },
    },
  },
  server: {
    proxy: {
      '/api': { target: server, ws: true, changeOrigin: false },
      '/openadr3': { target: server, changeOrigin: false },
      // The addresses of document 002, which stand at the root.
      '^/(run_simulation|get_state|modify_load_|add_|disconnect_device|(register|update|delete|subscribe|unsubscribe|execute)_dfp)': { target: server, changeOrigin: false },
    },
  },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
});
