// Links and files of the Markdown sources, which are written for a forge, as they are in the site.
import fs from 'node:fs'
import path from 'node:path'
import { forge, pages, read, resolve, root } from './pages.js'

const included = /^<!-- file: (\S+) -->\s*$/

// links makes each link to a page lead to its place in the site, and any other link into the repository to the forge. A link to
// nothing is an error. A paragraph `<!-- file: name -->` becomes the text of that file.
export function links(md) {
	md.core.ruler.push('repository', (state) => {
		const source = path.relative(root, state.env.realPath ?? state.env.path).split(path.sep).join('/')
		for (const token of state.tokens) {
			const file = token.type === 'html_block' && token.content.match(included)
			if (file) {
				Object.assign(token, { type: 'fence', tag: 'code', info: 'caddyfile', markup: '```', content: read(resolve(source, file[1])) })
			}
			for (const child of token.children ?? []) {
				if (child.type === 'link_open') child.attrSet('href', href(source, child.attrGet('href')))
			}
		}
	})
}

function href(source, target) {
	if (/^[a-z][a-z0-9+.-]*:/i.test(target) || target.startsWith('#')) return target
	const [file, fragment] = target.split('#')
	const to = resolve(source, decodeURI(file))
	if (to.startsWith('..') || !fs.existsSync(path.join(root, to))) throw new Error(`${source}: ${target} is not there`)
	const hash = fragment === undefined ? '' : '#' + fragment
	return pages[to] ? `/${pages[to]}${hash}` : `${forge}/blob/main/${to}${hash}`
}

// slug is the anchor that forges give a heading.
export function slug(text) {
	return text.trim().toLowerCase().replace(/[^\p{L}\p{N}_ -]/gu, '').replaceAll(' ', '-')
}
