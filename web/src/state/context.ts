/** What is looked at: project, network, study. It stands in the address; where it does not, the likeliest is chosen and written there. */

import { useEffect } from 'react';
import { useNetworks, useProjects, useRuns, type NetworkSummary, type Run } from '../api/data';
import type { ProjectRow } from '../api/types';
import { keep, kept } from './preferences';
import { useUrl } from './url';

export interface Context {
  project: string | null;
  network: string | null;
  version: string | null;
  run: string | null;
  projects: ProjectRow[] | undefined;
  networks: NetworkSummary[] | undefined;
  runs: Run[] | undefined;
  error: unknown;
  /** True until it is known what there is. */
  waiting: boolean;
}

/** The name asked for if there is such a one, else the one used last, else the first. */
export function choose(names: string[], asked: string | null, last: string | null): string | null {
  if (asked !== null) return asked;
  if (last !== null && names.includes(last)) return last;
  return names[0] ?? null;
}

export function useContext(): Context {
  const url = useUrl();
  const projects = useProjects();
  const open = projects.data?.filter((p) => !p.fault);
  const withNetworks = open?.filter((p) => p.networks > 0);
  const project = open ? choose((withNetworks?.length ? withNetworks : open).map((p) => p.id), url.get('project'), kept('project')) : url.get('project');
  const networks = useNetworks(project);
  const network = networks.data ? choose(networks.data.map((n) => n.name), url.get('network'), kept(`network.${project}`)) : url.get('network');
  const runs = useRuns(project);
  const runNames = runs.data?.map((r) => r.id) ?? [];
  const asked = url.get('run');
  // `none` is a choice too: to see the network without results.
  const run = asked === 'none' ? null : runs.data ? choose(runNames, asked, kept(`run.${project}`)) : asked;
  return {
    project,
    network,
    version: url.get('version'),
    run,
    projects: projects.data,
    networks: networks.data,
    runs: runs.data,
    error: projects.error ?? networks.error,
    waiting: projects.isPending || (project !== null && networks.isPending),
  };
}

/** Writes what was chosen into the address and remembers it. Mounted once, in the shell. */
export function useContextInAddress(context: Context): void {
  const { set, params } = useUrl();
  const { project, network, run } = context;
  useEffect(() => {
    const patch: Record<string, string> = {};
    if (project && !params.get('project')) patch.project = project;
    if (network && !params.get('network')) patch.network = network;
    if (run && !params.get('run')) patch.run = run;
    if (Object.keys(patch).length > 0) set(patch);
    if (project) keep('project', project);
    if (project && network) keep(`network.${project}`, network);
    if (project && run) keep(`run.${project}`, run);
  }, [project, network, run, params, set]);
}
