import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type RbacSubject, userRbac } from '../../lib/access/user-rbac.js'

const user: RbacSubject = { kind: 'User', name: 'jane' }

test('a ClusterRole without a namespace is bound everywhere, with one only there; a Role in its own', () => {
  // kubectl create clusterrolebinding NAME --clusterrole=view --user=jane --dry-run=client -o yaml (v1.20.2), less its
  // creationTimestamp: null
  const everywhere = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane' }],
  }
  const [binding, ...rest] = userRbac({ subject: user, clusterRole: 'view' })
  const { metadata, ...said } = binding ?? { metadata: {} }
  assert.equal(said, everywhere)
  assert.equal(metadata, { name: 'jane:clusterrole:view', labels: { 'app.kubernetes.io/managed-by': 'kpki' } })
  assert.equal(rest, [])
  const both = userRbac({ subject: user, role: 'mine', clusterRole: 'view', namespace: 'shop' })
  assert.equal(
    both.map(({ kind, metadata: { name, namespace }, roleRef }) => [kind, name, namespace, roleRef]),
    [
      ['RoleBinding', 'jane:role:mine', 'shop', { ...everywhere.roleRef, kind: 'Role', name: 'mine' }],
      ['RoleBinding', 'jane:clusterrole:view', 'shop', everywhere.roleRef],
    ],
  )
})

test('a Role is nowhere without a namespace', () => assert.equal(userRbac({ subject: user, role: 'mine' }), []))

test('service accounts have a namespace in place of an API group', () => {
  const [binding] = userRbac({ subject: { kind: 'ServiceAccount', name: 'ci', namespace: 'ops' }, clusterRole: 'view' })
  assert.equal(binding?.['subjects'], [{ kind: 'ServiceAccount', name: 'ci', namespace: 'ops' }])
})

test('names are path segments, and no two subjects share one', () => {
  const subject: fc.Arbitrary<RbacSubject> = fc.oneof(
    fc.record({
      kind: fc.constantFrom('User' as const, 'Group' as const),
      name: fc.stringMatching(/^[a=/%2F:]{1,4}$/),
    }),
    fc.record({
      kind: fc.constant('ServiceAccount' as const),
      name: fc.stringMatching(/^[a-c]{1,2}$/),
      namespace: fc.stringMatching(/^[a-c]{1,2}$/),
    }),
  )
  const nameOf = (of: RbacSubject) => String(userRbac({ subject: of, clusterRole: 'view' })[0]?.metadata.name)
  fc.assert(
    fc.property(subject, subject, (one, other) => {
      // apimachinery v0.20.2, pkg/api/validation/path/name.go
      assert.not.match(nameOf(one), /[/%]|^\.\.?$/)
      assert.is(nameOf(one) === nameOf(other), JSON.stringify(sorted(one)) === JSON.stringify(sorted(other)))
    }),
  )
})

const sorted = (of: RbacSubject) => Object.entries(of).sort()

test.run()
