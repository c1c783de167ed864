/** The yard in three dimensions. Drawn when something changes and at no other time: nothing here moves by itself. */

import { AmbientLight, BoxGeometry, BufferGeometry, Color, CylinderGeometry, DirectionalLight, Float32BufferAttribute, Group, LineBasicMaterial, LineSegments, Mesh, MeshLambertMaterial, PerspectiveCamera, PlaneGeometry, Raycaster, Scene, Vector2, Vector3, WebGLRenderer } from 'three';
import { OrbitControls } from 'three/examples/jsm/controls/OrbitControls.js';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { Moment, TwinDiagram, YardEquipment } from '../../api/twin';
import { token, usePreferences } from '../../state/preferences';
import { useUrl } from '../../state/url';
import { strings } from '../../strings';
import { fixed, num } from '../../ui/format';
import { Empty } from '../../ui/parts';
import { bodiesOf, busbarBodies, CLASSES, classOf, reachOf, spansOf, type ColourBy } from './yardShapes';

const t = strings.twin.yard;

interface Props { yard: YardEquipment[]; moment: Moment; diagram: TwinDiagram | undefined; selected: string | null; onSelect: (asset: string, element: string | null) => void }

/** Of the register's x, y, z (up) to the scene's, where y is up. */
const to = ([x, y, z]: [number, number, number]) => new Vector3(x, z, -y);

interface Stage { renderer: WebGLRenderer; scene: Scene; camera: PerspectiveCamera; controls: OrbitControls; yard: Group; draw: () => void; home: () => void }

export default function Yard({ yard, moment, diagram, selected, onSelect }: Props) {
  const url = useUrl();
  const theme = usePreferences((s) => s.theme);
  const box = useRef<HTMLDivElement>(null);
  const stage = useRef<Stage | null>(null);
  const [isMissing, setMissing] = useState(false);
  const [pointed, setPointed] = useState<{ asset: string; x: number; y: number } | null>(null);
  const asked = url.get('colour');
  const by: ColourBy = asked === 'loading' || asked === 'temperature' ? asked : 'state';
  const placed = useMemo(() => yard.filter((e) => Number.isFinite(e.x_m) && Number.isFinite(e.y_m)), [yard]);
  const choose = useRef(onSelect);
  useEffect(() => { choose.current = onSelect; });

  // The stage: made once, for as long as the page shows it.
  useEffect(() => {
    const holder = box.current as HTMLDivElement;
    let renderer: WebGLRenderer;
    try {
      renderer = new WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
    } catch {
      setMissing(true);
      return;
    }
    renderer.setPixelRatio(Math.min(2, window.devicePixelRatio));
    holder.appendChild(renderer.domElement);
    renderer.domElement.tabIndex = 0;
    renderer.domElement.setAttribute('role', 'img');
    renderer.domElement.setAttribute('aria-label', t.label);
    const scene = new Scene();
    const camera = new PerspectiveCamera(40, 1, 1, 3000);
    const controls = new OrbitControls(camera, renderer.domElement);
    controls.maxPolarAngle = Math.PI / 2 - 0.03;
    controls.listenToKeyEvents(renderer.domElement);
    const group = new Group();
    scene.add(group, new AmbientLight(0xffffff, 1.7));
    const sun = new DirectionalLight(0xffffff, 2.2);
    sun.position.set(120, 260, 160);
    scene.add(sun);
    let isAsked = false;
    const draw = () => {
      if (isAsked) return;
      isAsked = true;
      requestAnimationFrame(() => { isAsked = false; renderer.render(scene, camera); });
    };
    const home = () => {
      const [xs, ys] = [placed.map((e) => e.x_m), placed.map((e) => -e.y_m)];
      const [x, z] = [(Math.min(...xs) + Math.max(...xs)) / 2, (Math.min(...ys) + Math.max(...ys)) / 2];
      const size = Math.max(40, Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
      controls.target.set(x, 0, z);
      // A narrow page sees less to its sides: from farther away.
      const far = Math.max(1.12, 1.5 / (holder.clientWidth / Math.max(1, holder.clientHeight) || 1));
      camera.position.set(x + size * 0.55 * far, size * 0.72 * far, z + size * 0.95 * far);
      controls.update();
      draw();
    };
    controls.addEventListener('change', draw);
    const fit = new ResizeObserver(() => {
      const { clientWidth: w, clientHeight: h } = holder;
      if (w === 0 || h === 0) return;
      renderer.setSize(w, h);
      camera.aspect = w / h;
      camera.updateProjectionMatrix();
      draw();
    });
    fit.observe(holder);
    const ray = new Raycaster();
    const hit = (e: PointerEvent): string | null => {
      const r = renderer.domElement.getBoundingClientRect();
      ray.setFromCamera(new Vector2(((e.clientX - r.left) / r.width) * 2 - 1, -((e.clientY - r.top) / r.height) * 2 + 1), camera);
      return (ray.intersectObjects(group.children, false).find((i) => typeof i.object.userData.asset === 'string')?.object.userData.asset as string | undefined) ?? null;
    };
    let down: [number, number] = [0, 0];
    const onDown = (e: PointerEvent) => { down = [e.clientX, e.clientY]; };
    const onUp = (e: PointerEvent) => {
      if (Math.hypot(e.clientX - down[0], e.clientY - down[1]) > 5) return;
      const asset = hit(e);
      if (asset) choose.current(asset, placed.find((p) => p.asset === asset)?.elements[0]?.split(':')[0] ?? null);
    };
    const onMove = (e: PointerEvent) => {
      if (e.buttons) return;
      const asset = hit(e);
      const r = holder.getBoundingClientRect();
      setPointed(asset ? { asset, x: e.clientX - r.left + 12, y: e.clientY - r.top + 12 } : null);
    };
    renderer.domElement.addEventListener('pointerdown', onDown);
    renderer.domElement.addEventListener('pointerup', onUp);
    renderer.domElement.addEventListener('pointermove', onMove);
    stage.current = { renderer, scene, camera, controls, yard: group, draw, home };
    home();
    return () => {
      fit.disconnect();
      controls.dispose();
      clear(group);
      renderer.dispose();
      renderer.domElement.remove();
      stage.current = null;
    };
  }, [placed]);

  // What each piece says now, as one text: bodies are coloured anew only when it changes.
  const states = useMemo(() => {
    const assets = new Map(moment.assets.map((a) => [a.asset, a]));
    const switches = new Map(moment.switches.map((s) => [s.element.toLowerCase(), s]));
    return new Map(placed.map((e) => {
      const a = assets.get(e.asset);
      if (by !== 'state') return [e.asset, classOf(by, by === 'loading' ? a?.loading_pct : a?.temperature_c) ?? 'none'];
      const s = e.kind === 'breaker' ? switches.get((e.elements[0] ?? '').toLowerCase()) : undefined;
      const state = s ? (s.closed === null ? 'unknown' : s.closed ? (a?.status === 'dead' ? 'dead' : 'operational') : 'open') : (a?.status ?? 'unknown');
      return [e.asset, state];
    }));
  }, [placed, moment, by]);
  const signature = [...states.values()].join(' ');

  // Bodies in their colours.
  useEffect(() => {
    const on = stage.current;
    if (!on) return;
    clear(on.yard);
    const colour = (name: string) => new Color(token(name) || '#808080');
    on.scene.background = colour('map-ground');
    const ground = new Mesh(new PlaneGeometry(700, 700), new MeshLambertMaterial({ color: colour('ground') }));
    ground.rotation.x = -Math.PI / 2;
    ground.position.y = -0.05;
    on.yard.add(ground);
    const levels = [...new Set((diagram?.buses ?? []).flatMap((b) => (b.kv_base === null ? [] : [b.kv_base])))].sort((a, b) => b - a);
    const body = (e: YardEquipment): Color => {
      const state = states.get(e.asset) ?? 'unknown';
      if (e.asset === selected) return colour('action');
      if (by !== 'state') return state === 'none' ? colour('paper') : colour(state);
      return state === 'operational' ? colour(levelToken(levels, e)) : state === 'open' ? colour('paper') : state === 'maintenance' ? colour('p3') : colour('equipment-faint');
    };
    const reach = reachOf(placed, diagram);
    for (const e of placed) {
      const main = new MeshLambertMaterial({ color: body(e) });
      const insulator = new MeshLambertMaterial({ color: colour('p2-edge') });
      const metal = new MeshLambertMaterial({ color: colour('equipment-faint') });
      for (const b of e.kind === 'busbar' ? busbarBodies(e, reach.get(e.asset) ?? [e.x_m - 10, e.x_m + 10]) : bodiesOf(e)) {
        const geometry = b.form === 'box' ? new BoxGeometry(b.size[0], b.size[2], b.size[1]) : new CylinderGeometry(b.size[0] / 2, b.size[1] / 2, b.size[2], 10);
        const mesh = new Mesh(geometry, b.part === 'insulator' ? insulator : b.part === 'metal' || b.part === 'base' ? metal : main);
        if (b.along) mesh.rotation.z = Math.PI / 2;
        mesh.position.copy(to(b.at));
        mesh.userData.asset = e.asset;
        on.yard.add(mesh);
      }
    }
    const spans = spansOf(placed, diagram);
    const wires = new BufferGeometry();
    wires.setAttribute('position', new Float32BufferAttribute(spans.flatMap((s) => [-1, 0, 1].flatMap((p) => [to([s.from[0] + p * 1.5, s.from[1], s.from[2]]), to([s.to[0] + p * 1.5, s.to[1], s.to[2]])].flatMap((v) => [v.x, v.y, v.z]))), 3));
    on.yard.add(new LineSegments(wires, new LineBasicMaterial({ color: colour('text-2') })));
    on.draw();
    // The states are compared by what they say, not by which object says it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [signature, by, selected, placed, diagram, theme]);

  if (placed.length === 0) return <Empty title={t.noPlaces} />;
  if (isMissing) return <Empty title={t.noGl} actions={<button onClick={() => url.set({ tab: 'assets' }, true)}>{strings.twin.tabs.assets}</button>}>{t.noGlHint}</Empty>;
  const now = pointed ? moment.assets.find((a) => a.asset === pointed.asset) : undefined;
  const levels = [...new Set((diagram?.buses ?? []).flatMap((b) => (b.kv_base === null ? [] : [b.kv_base])))].sort((a, b) => b - a);
  const legend = by === 'state' ? [...levels.slice(0, 4).map((kv, i) => ({ token: `kv${i + 1}`, label: `${strings.twin.status.operational}, ${num(kv)} kV` })), { token: 'paper', label: strings.twin.status.open as string }, { token: 'p3', label: strings.twin.status.maintenance as string }, { token: 'equipment-faint', label: `${strings.twin.status.dead}, ${strings.twin.status.unknown}` }] : [...CLASSES[by].map((c) => ({ token: c.token, label: c.label })), { token: 'paper', label: t.noValue }];
  return (
    <div className="yard" ref={box} data-testid="yard">
      <div className="yard-tools">
        <div className="row"><label className="row">{t.colour} <select value={by} onChange={(e) => url.set({ colour: e.target.value === 'state' ? null : e.target.value })}>{Object.entries(t.by).map(([id, label]) => <option key={id} value={id}>{label}</option>)}</select></label><button onClick={() => stage.current?.home()}>{t.reset}</button></div>
        <label className="row">{strings.twin.openAsset} <select value={selected ?? ''} onChange={(e) => { const of = placed.find((p) => p.asset === e.target.value); if (of) onSelect(of.asset, of.elements[0]?.split(':')[0] ?? null); }}><option value="" />{placed.map((e) => <option key={e.asset} value={e.asset}>{e.asset}</option>)}</select></label>
        {legend.map((l) => <div key={l.label} className="scale-row"><i style={{ background: `var(--${l.token})` }} />{l.label}</div>)}
        <div className="quiet" style={{ maxWidth: 240 }}>{t.help} {t.schematic}</div>
      </div>
      {pointed && <div className="yard-name" style={{ left: pointed.x, top: pointed.y }}><b>{pointed.asset}</b> {placed.find((e) => e.asset === pointed.asset)?.name}{now ? ` · ${strings.twin.status[now.status] ?? now.status}${now.loading_pct !== null ? ` · ${fixed(now.loading_pct, 0)} %` : ''}${now.temperature_c !== null ? ` · ${fixed(now.temperature_c, 0)} °C` : ''}` : ''}</div>}
    </div>
  );
}

function levelToken(levels: number[], e: YardEquipment): string {
  const kv = Number(e.rating.hv_kv ?? e.rating.kv ?? 0);
  // A rated voltage stands above the nominal one: 420 for 400, 245 for 220, 36 for 33. The rating of an arrester is below it.
  const nearest = levels.reduce((best, l) => (Math.abs(Math.log(l / kv)) < Math.abs(Math.log(best / kv)) ? l : best), levels[0] ?? kv);
  return `kv${Math.min(4, Math.max(1, levels.indexOf(nearest) + 1))}`;
}

function clear(group: Group): void {
  for (const child of [...group.children]) {
    group.remove(child);
    if (child instanceof Mesh || child instanceof LineSegments) {
      (child.geometry as BufferGeometry).dispose();
      (child.material as MeshLambertMaterial).dispose();
    }
  }
}
