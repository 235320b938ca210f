/**
 * A plugin of TypeDoc for the documentation: a guide is called as its first heading is (its address keeps the name of
 * its file, which is settled when writing begins), a module lists its names by the alphabet, and members of interfaces
 * have no defaults, which TypeDoc takes from the records that their types derive from.
 */
import { ReflectionKind, RendererEvent } from 'typedoc';

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.renderer.on(RendererEvent.BEGIN, ({ project }) => {
    for (const guide of project.getReflectionsByKind(ReflectionKind.Document)) {
      if (!guide.isDocument()) continue;
      const [, title] = /^# (.+)$/m.exec(guide.content.map(({ text }) => text).join('')) ?? [];
      if (title) guide.name = title.replace(/[*_`]/g, '');
    }
    for (const module of project.getReflectionsByKind(ReflectionKind.Module))
      if (module.isDeclaration())
        for (const { children } of module.groups ?? []) children.sort((a, b) => a.name.localeCompare(b.name, 'en'));
    for (const member of project.getReflectionsByKind(ReflectionKind.Property))
      if (member.isDeclaration() && member.parent?.kindOf(ReflectionKind.Interface)) delete member.defaultValue;
  });
}
