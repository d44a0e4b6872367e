//! Where a request comes from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ngx::ffi::{AF_INET, AF_INET6, AF_UNIX, ngx_connection_t, sockaddr, sockaddr_in, sockaddr_in6};

use super::Request;

impl Request<'_> {
    /// The client's address as `$remote_addr` has it: that of the connection, or what ngx_http_realip_module put in its place.
    /// None where it has none, as with a UNIX-domain socket.
    pub fn client_ip(self) -> Option<IpAddr> {
        let address = self.client_sockaddr()?;
        match self.client_family()? {
            AF_INET => {
                // SAFETY: an address of this family is such a structure; alive as long as the connection.
                let v4 = unsafe { *address.cast::<sockaddr_in>() };
                Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr))))
            }
            AF_INET6 => {
                // SAFETY: likewise.
                let v6 = unsafe { *address.cast::<sockaddr_in6>() };
                // SAFETY: all views of the union are sixteen bytes.
                let octets = unsafe { v6.sin6_addr.__in6_u.__u6_addr8 };
                Some(IpAddr::V6(Ipv6Addr::from(octets)))
            }
            _ => None,
        }
    }

    /// Whether the request comes by a UNIX-domain socket, and nothing says whom it is for.
    pub fn is_from_unix_socket(self) -> bool {
        self.client_family() == Some(AF_UNIX)
    }

    fn client_family(self) -> Option<u32> {
        // SAFETY: an address of any family begins with it.
        Some(unsafe { (*self.client_sockaddr()?).sa_family }.into())
    }

    fn client_sockaddr(self) -> Option<*const sockaddr> {
        let connection: *const ngx_connection_t = self.read(|r| r.connection);
        // SAFETY: a request has a connection as long as it lives.
        let address = unsafe { (*connection).sockaddr };
        (!address.is_null()).then_some(address.cast_const())
    }
}
