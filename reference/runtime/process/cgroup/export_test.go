package cgroup

import "github.com/moby/sys/mountinfo"

// DetectOnly is Detect with nothing but the mounts of one type.
func DetectOnly(fstype string) (*Tree, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter(fstype))
	if err != nil {
		return nil, err
	}
	return detect(mounts, nil)
}

// DetectAt is Detect on a folder that looks like cgroup v2, as a process of the group own.
func DetectAt(dir, own string) (*Tree, error) {
	return detect([]*mountinfo.Info{{FSType: "cgroup2", Root: "/", Mountpoint: dir}}, []byte("0::"+own+"\n"))
}
