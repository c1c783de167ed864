/**
 * All lines of a network as one mesh and one draw call, under everything else on the map.
 *
 * Every segment has four corners of its own. Drawing one shape many times, as general layers do, is slow for a hundred thousand
 * segments where the processor draws, and needless where a graphics card does.
 */

import type { CustomLayerInterface, CustomRenderMethodInput, Map as MapLibreMap } from 'maplibre-gl';
import type { Geometry } from '../../api/geometry';

const VERTEX = `#version 300 es
uniform mat4 u_matrix;
uniform vec2 u_half_view;
uniform float u_ratio;
in vec2 a_at;
in vec2 a_other;
in float a_side;
in vec4 a_color;
in float a_width;
out vec4 v_color;
out float v_across;
out float v_half;
void main() {
  v_color = a_color;
  vec4 at = u_matrix * vec4(a_at, 0.0, 1.0);
  vec4 other = u_matrix * vec4(a_other, 0.0, 1.0);
  vec2 along = (other.xy / other.w - at.xy / at.w) * u_half_view;
  along = dot(along, along) > 1e-12 ? normalize(along) : vec2(1.0, 0.0);
  v_half = 0.5 * a_width * u_ratio;
  // A pixel more on each side fades out; each end goes on by half a width, so that corners close.
  // Corners of the far end look back: their left is the near end's right.
  float side = sign(a_side) * (v_half + 1.0);
  v_across = abs(a_side) > 1.5 ? -side : side;
  vec2 offset = vec2(-along.y, along.x) * side - along * v_half * 0.8;
  gl_Position = a_width > 0.0 ? vec4(at.xy + offset / u_half_view * at.w, 0.0, at.w) : vec4(2.0, 2.0, 2.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 v_color;
in float v_across;
in float v_half;
out vec4 color;
void main() {
  float alpha = v_color.a * clamp(v_half + 0.5 - abs(v_across), 0.0, 1.0) * min(1.0, v_half * 2.0);
  color = vec4(v_color.rgb * alpha, alpha);
}`;

/** Longitude and latitude on the square of the world, 0 to 1. */
export const mercatorX = (lon: number) => lon / 360 + 0.5;
export const mercatorY = (lat: number) => 0.5 - Math.log(Math.tan(Math.PI / 4 + (Math.max(-85.05, Math.min(85.05, lat)) * Math.PI) / 360)) / (2 * Math.PI);

export class LineMesh implements CustomLayerInterface {
  readonly id = 'network-lines';
  readonly type = 'custom' as const;
  readonly renderingMode = '2d' as const;
  private readonly origin: [number, number];
  private readonly corners: Float32Array;
  private readonly indices: Uint32Array;
  /** Line of each segment. */
  private readonly lineOf: Uint32Array;
  private readonly colors: Uint8Array;
  private readonly widths: Float32Array;
  private isNew = true;
  private isFirst = true;
  private map: MapLibreMap | null = null;
  private gl: { program: WebGLProgram; array: WebGLVertexArrayObject; color: WebGLBuffer; width: WebGLBuffer; matrix: WebGLUniformLocation | null; view: WebGLUniformLocation | null; ratio: WebGLUniformLocation | null } | null = null;

  constructor(g: Geometry) {
    const bounds = g.bounds ?? [0, 0, 0, 0];
    // Single floats hold places near a middle to millimetres; places of the whole world only to metres.
    this.origin = [mercatorX((bounds[0] + bounds[2]) / 2), mercatorY((bounds[1] + bounds[3]) / 2)];
    const { positions: p, starts, count } = g.lines;
    const n = Math.max(0, p.length / 2 - count);
    const corners = new Float32Array(n * 20);
    const lineOf = new Uint32Array(n);
    const indices = new Uint32Array(n * 6);
    const xs = new Float32Array(p.length / 2);
    const ys = new Float32Array(p.length / 2);
    for (let v = 0; v < p.length / 2; v += 1) {
      xs[v] = mercatorX(p[2 * v] as number) - this.origin[0];
      ys[v] = mercatorY(p[2 * v + 1] as number) - this.origin[1];
    }
    let s = 0;
    for (let line = 0; line < count; line += 1) {
      const end = starts[line + 1] as number;
      for (let v = starts[line] as number; v + 1 < end; v += 1) {
        if (!Number.isFinite((xs[v] as number) + (ys[v] as number) + (xs[v + 1] as number) + (ys[v + 1] as number))) continue;
        for (let c = 0; c < 4; c += 1) {
          const [here, there] = c < 2 ? [v, v + 1] : [v + 1, v];
          corners.set([xs[here] as number, ys[here] as number, xs[there] as number, ys[there] as number, [1, -1, -2, 2][c] as number], (s * 4 + c) * 5);
        }
        const first = s * 4;
        indices.set([first, first + 1, first + 2, first + 1, first + 3, first + 2], s * 6);
        lineOf[s] = line;
        s += 1;
      }
    }
    this.corners = corners.subarray(0, s * 20);
    this.indices = indices.subarray(0, s * 6);
    this.lineOf = lineOf.subarray(0, s);
    this.colors = new Uint8Array(s * 16);
    this.widths = new Float32Array(s * 4);
  }

  /** Colour and width of each line; width 0 is not drawn. */
  setStyle(of: (line: number) => { color: readonly number[]; width: number }): void {
    let last = -1;
    let style: { color: readonly number[]; width: number } = { color: [0, 0, 0, 0], width: 0 };
    const words = new Uint32Array(this.colors.buffer);
    for (let s = 0; s < this.lineOf.length; s += 1) {
      const line = this.lineOf[s] as number;
      if (line !== last) {
        style = of(line);
        last = line;
      }
      const [r = 0, g = 0, b = 0, a = 0] = style.color;
      words.fill((r | (g << 8) | (b << 16) | (a << 24)) >>> 0, s * 4, s * 4 + 4);
      this.widths.fill(a === 0 ? 0 : style.width, s * 4, s * 4 + 4);
    }
    this.isNew = true;
    this.map?.triggerRepaint();
  }

  onAdd(map: MapLibreMap, context: WebGLRenderingContext | WebGL2RenderingContext): void {
    const gl = context as WebGL2RenderingContext;
    this.map = map;
    const program = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
      const shader = gl.createShader(type) as WebGLShader;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(`The lines of the map cannot be drawn: ${gl.getProgramInfoLog(program) ?? ''}`);
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    const buffer = (data: Float32Array | Uint8Array | null) => {
      const made = gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, made);
      if (data) gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
      return made;
    };
    const attribute = (name: string, size: number, type: number, isUnit: boolean, stride: number, offset: number) => {
      const at = gl.getAttribLocation(program, name);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, size, type, isUnit, stride, offset);
    };
    buffer(this.corners);
    attribute('a_at', 2, gl.FLOAT, false, 20, 0);
    attribute('a_other', 2, gl.FLOAT, false, 20, 8);
    attribute('a_side', 1, gl.FLOAT, false, 20, 16);
    const color = buffer(null);
    attribute('a_color', 4, gl.UNSIGNED_BYTE, true, 0, 0);
    const width = buffer(null);
    attribute('a_width', 1, gl.FLOAT, false, 0, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, this.indices, gl.STATIC_DRAW);
    gl.bindVertexArray(null);
    this.isNew = true;
    this.gl = { program, array, color, width, matrix: gl.getUniformLocation(program, 'u_matrix'), view: gl.getUniformLocation(program, 'u_half_view'), ratio: gl.getUniformLocation(program, 'u_ratio') };
  }

  onRemove(): void {
    // What the context holds goes with it: a layer is removed only with its map or style.
    this.gl = null;
    this.map = null;
  }

  render(context: WebGLRenderingContext | WebGL2RenderingContext, input: CustomRenderMethodInput): void {
    const gl = context as WebGL2RenderingContext;
    if (!this.gl || this.indices.length === 0) return;
    const made = this.gl;
    gl.useProgram(made.program);
    gl.bindVertexArray(made.array);
    if (this.isNew) {
      gl.bindBuffer(gl.ARRAY_BUFFER, made.color);
      gl.bufferData(gl.ARRAY_BUFFER, this.colors, gl.DYNAMIC_DRAW);
      gl.bindBuffer(gl.ARRAY_BUFFER, made.width);
      gl.bufferData(gl.ARRAY_BUFFER, this.widths, gl.DYNAMIC_DRAW);
      this.isNew = false;
    }
    // The matrix is moved to the origin of the mesh in double precision.
    const m = [...(input.defaultProjectionData.mainMatrix as ArrayLike<number> & Iterable<number>)];
    const [x, y] = this.origin;
    for (let row = 0; row < 4; row += 1) m[12 + row] = (m[row] as number) * x + (m[4 + row] as number) * y + (m[12 + row] as number);
    gl.uniformMatrix4fv(made.matrix, false, m);
    gl.uniform2f(made.view, gl.drawingBufferWidth / 2, gl.drawingBufferHeight / 2);
    gl.uniform1f(made.ratio, this.map?.getPixelRatio() ?? 1);
    gl.disable(gl.DEPTH_TEST);
    gl.disable(gl.STENCIL_TEST);
    gl.disable(gl.CULL_FACE);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.drawElements(gl.TRIANGLES, this.indices.length, gl.UNSIGNED_INT, 0);
    if (this.isFirst) {
      this.isFirst = false;
      // How long the first picture takes can be seen in the browser's own tools, and is measured by the tests.
      performance.mark('network-drawn');
    }
    gl.bindVertexArray(null);
  }
}
