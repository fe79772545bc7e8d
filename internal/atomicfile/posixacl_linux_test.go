package atomicfile

import (
	"fmt"
	"testing"
)

// The mode in place of an ACL gives nobody a right that the ACL did not give.
func TestModeInPlaceOfAnACL(t *testing.T) {
	for _, test := range []struct {
		name string
		list aclEntries
		want string // of the mode
		lost string // of the mode, when the group is lost as well
	}{
		{"a user has more than the group", aclEntries{{aclOwner, 6, 0}, {aclUser, 6, 1}, {aclGroup, 0, 0}, {aclMask, 6, 0}, {aclOther, 0, 0}}, "600", "600"},
		{"a user has less than the group", aclEntries{{aclOwner, 6, 0}, {aclUser, 0, 1}, {aclGroup, 6, 0}, {aclMask, 6, 0}, {aclOther, 0, 0}}, "600", "600"},
		{"a user has less than the others", aclEntries{{aclOwner, 6, 0}, {aclUser, 0, 1}, {aclGroup, 4, 0}, {aclMask, 6, 0}, {aclOther, 4, 0}}, "600", "600"},
		{"a group has less than the others", aclEntries{{aclOwner, 6, 0}, {aclGroup, 4, 0}, {aclNamed, 0, 1}, {aclMask, 6, 0}, {aclOther, 4, 0}}, "640", "640"},
		{"the mask takes from the group", aclEntries{{aclOwner, 7, 0}, {aclUser, 7, 1}, {aclGroup, 7, 0}, {aclMask, 4, 0}, {aclOther, 1, 0}}, "740", "700"},
		{"all have all", aclEntries{{aclOwner, 7, 0}, {aclUser, 7, 1}, {aclGroup, 7, 0}, {aclMask, 7, 0}, {aclOther, 7, 0}}, "777", "777"},
		{"the others have less", aclEntries{{aclOwner, 6, 0}, {aclUser, 6, 1}, {aclGroup, 6, 0}, {aclMask, 6, 0}, {aclOther, 4, 0}}, "664", "644"},
	} {
		list, is := posixACL(test.list.bytes()).entries()
		if got := fmt.Sprintf("%o", list.mode()); !is || got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		list.loseGroup()
		if got := fmt.Sprintf("%o", list.mode()); got != test.lost {
			t.Errorf("%s, and the group is lost: %s, want %s", test.name, got, test.lost)
		}
	}
	for _, bad := range []posixACL{{}, {2, 0, 0}, {1, 0, 0, 0}, {2, 0, 0, 0, 1}} {
		if _, is := bad.entries(); is {
			t.Errorf("%x is taken for an ACL", []byte(bad))
		}
	}
}
