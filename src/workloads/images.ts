// Whether a template runs other images than another one: no default and no library ever changes an image, only a person does.
import type { PodTemplate } from '../api/kubernetes.ts';

/** A container of the same name has another image in the two, whichever else differs. */
export function otherImages(template: PodTemplate, than: PodTemplate): boolean {
  const before = imagesOf(than);
  return [...imagesOf(template)].some(([name, image]) => {
    const known = before.get(name);
    return known !== undefined && known !== image;
  });
}

function imagesOf({ spec }: PodTemplate): ReadonlyMap<string, string> {
  return new Map(
    [...(spec.initContainers ?? []), ...spec.containers].flatMap(({ name, image }) =>
      image === undefined ? [] : [[name, image] as const],
    ),
  );
}
