import { markOf } from '../../lib/json.js';
import { JsonView } from '../../parts/json-view.js';
import { Linked } from '../../parts/text.js';

/** What a step gave along with its question, as facts; what is deeper than that as it is. */
export function Metadata({ value }: { value: unknown }) {
  if (value === null || value === undefined) return null;
  if (typeof value !== 'object' || Array.isArray(value) || markOf(value) !== null) {
    return (
      <div className="well gap-t">
        <JsonView value={value} />
      </div>
    );
  }
  return (
    <dl className="facts gap-t">
      {Object.entries(value).map(([key, fact]) => (
        <div key={key} className="contents">
          <dt>{key.replaceAll('_', ' ')}</dt>
          <dd>
            <Fact value={fact} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Fact({ value }: { value: unknown }) {
  const mark = markOf(value);
  if (mark !== null && typeof mark.v === 'string') return mark.v;
  if (typeof value === 'string') return <Linked text={value} />;
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) {
    return value.map((item, i) => (
      <span key={i} className="block">
        <Linked text={String(item)} />
      </span>
    ));
  }
  return <JsonView value={value} depth={1} />;
}
