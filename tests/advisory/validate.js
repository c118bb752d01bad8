// SPDX-License-Identifier: Apache-2.0
// Judges files by other people's validators:
//
//     node validate.js MODULES SCHEMAS < [{"kind": "csaf", "file": "a.json"}, …]
//
// prints [{"file", "complaints": [text, …]}, …]. Kinds: csaf (the document tests of the standard, its
// mandatory ones and its optional ones), html, and every NAME.schema.json below SCHEMAS.
'use strict'
const fs = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const [modules, schemas] = process.argv.slice(2)

const load = (name) => require(path.join(modules, name))
const loadModule = (name) => import(pathToFileURL(path.join(modules, name)))
const parse = (file) => JSON.parse(fs.readFileSync(file, 'utf8'))

async function csafTests() {
	const folder = '@secvisogram/csaf-validator-lib/'
	const names = ['schemaTests.js', 'mandatoryTests.js', 'optionalTests.js']
	const tests = await Promise.all(names.map((name) => loadModule(folder + name)))
	return [(await loadModule(folder + 'validate.js')).default, tests.flatMap(Object.values)]
}

let csaf
async function judgeCsaf(file) {
	csaf ??= csafTests()
	const [validate, tests] = await csaf
	const result = await validate(tests, parse(file))
	const complaints = result.isValid ? [] : ['is not valid']
	for (const test of result.tests)
		for (const complaint of [...test.errors, ...test.warnings])
			complaints.push(`${test.name} ${complaint.instancePath ?? ''} ${complaint.message}`)
	return complaints
}

// What the CSAF schema refers to is elsewhere on the web; a provider's file has nothing of it.
const scores = ['2.0', '3.0', '3.1'].map((v) => `https://www.first.org/cvss/cvss-v${v}.json`)

function schemaValidator(kind) {
	const Ajv = load('ajv/dist/2020').default
	const ajv = new Ajv({ strict: false, allErrors: true })
	load('ajv-formats').default(ajv)
	ajv.addFormat('iri', /^[a-z]+:\S+$/)
	if (kind === 'csaf-provider') {
		for (const id of scores)
			ajv.addSchema({}, id)
		ajv.addSchema(parse(path.join(schemas, 'csaf20.schema.json')))
	}
	return ajv.compile(parse(path.join(schemas, `${kind}.schema.json`)))
}

const validators = {}
async function judgeSchema(file, kind) {
	validators[kind] ??= schemaValidator(kind)
	const valid = validators[kind](parse(file))
	return valid ? [] : validators[kind].errors.map((e) => `${e.instancePath} ${e.message}`)
}

let html
async function judgeHtml(file) {
	const { FileSystemConfigLoader, HtmlValidate } = load('html-validate')
	const config = {
		root: true,
		extends: ['html-validate:standard', 'html-validate:a11y', 'html-validate:document'],
	}
	html ??= new HtmlValidate(new FileSystemConfigLoader(config))
	const report = await html.validateString(fs.readFileSync(file, 'utf8'), 'page.html')
	return report.results.flatMap((r) => r.messages.map((m) => `line ${m.line}: ${m.message}`))
}

async function main() {
	const judges = { csaf: judgeCsaf, html: judgeHtml }
	const results = []
	for (const { kind, file } of parse(0))
		results.push({ file, complaints: await (judges[kind] ?? judgeSchema)(file, kind) })
	console.log(JSON.stringify(results))
}

main()
