/** Files that scenarios of the project may name: weather, profiles, weights, parts to include. */

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { api, asProblem } from '../../../api/client';
import { renew } from '../../../api/renew';
import { useMay } from '../../../state/session';
import { strings } from '../../../strings';
import { bytes } from '../../../ui/format';
import { Loaded, Panel, ProblemView, RoleButton } from '../../../ui/parts';
import { filePath, putFile, useFiles } from './data';

const t = strings.scenarios;

export function Files({ project }: { project: string }) {
  const client = useQueryClient();
  const may = useMay('engineer');
  const query = useFiles(project);
  const input = useRef<HTMLInputElement>(null);
  const [told, setTold] = useState('');
  const changed = () => renew(client, ['scenario-files', project], ['scenario-draft', project]);
  const put = useMutation({
    mutationFn: async (files: File[]) => { for (const file of files) await putFile(project, file); return files.map((f) => f.name).join(', '); },
    onSuccess: (names) => setTold(t.uploaded(names)),
    onSettled: changed,
  });
  const remove = useMutation({ mutationFn: (name: string) => api.delete(filePath(project, name)), onSuccess: () => setTold(''), onSettled: changed });
  return (
    <Panel title={t.filesTitle} actions={<RoleButton allowed={may} role="engineer" disabled={put.isPending} onClick={() => input.current?.click()}>{t.upload}</RoleButton>}>
      <input ref={input} type="file" multiple hidden data-testid="scenario-files" onChange={(e) => { const files = [...(e.target.files ?? [])]; e.target.value = ''; if (files.length > 0) put.mutate(files); }} />
      <p className="small quiet">{t.uploadHint}</p>
      {[put.error, remove.error].map((error, i) => error ? <ProblemView key={i} problem={asProblem(error)} /> : null)}
      <p role="status" className="small">{put.isPending ? strings.loading : told}</p>
      <Loaded query={query}>
        {(files) => files.length === 0 ? <p className="quiet">{t.noFiles}</p> : (
          <table className="simple"><thead><tr><th>{t.file}</th><th className="num">{t.size}</th><th><span className="visually-hidden">{t.actions}</span></th></tr></thead>
            <tbody>{files.map((f) => <tr key={f.name}><td className="break">{f.name}</td><td className="num">{bytes(f.bytes)}</td><td><RoleButton allowed={may} role="engineer" disabled={remove.isPending} aria-label={t.removeFile(f.name)} onClick={() => remove.mutate(f.name)}>✕</RoleButton></td></tr>)}</tbody></table>
        )}
      </Loaded>
    </Panel>
  );
}
