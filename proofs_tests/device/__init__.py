# SPDX-License-Identifier: Apache-2.0
"""The runtime on devices: on a test device whose memory is the host's, and on CUDA where there is one."""
