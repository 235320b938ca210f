/**
 * A plugin of TypeDoc for the documentation: a guide is called as its first heading is. Its address keeps the name of
 * its file, which is settled when writing begins.
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
  });
}
