import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';
import { createHash, timingSafeEqual } from 'node:crypto';

interface Asked {
  readonly headers: { readonly authorization?: string };
  user?: { readonly username: string };
}

/** Takes whoever stands in DASHBOARD_USERS: `ada:secret,grace:other`. To be used over TLS alone. */
@Injectable()
export class BasicAuthGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const request = http.getRequest<Asked>();
    const [scheme = '', encoded = ''] = (request.headers.authorization ?? '').split(' ');
    const given = scheme.toLowerCase() === 'basic' ? Buffer.from(encoded, 'base64').toString() : '';
    if (!this.known().some((one) => timingSafeEqual(digest(one), digest(given)))) {
      http
        .getResponse<{ header(name: string, value: string): void }>()
        .header('WWW-Authenticate', 'Basic realm="durable"');
      throw new UnauthorizedException();
    }
    request.user = { username: given.slice(0, given.indexOf(':')) };
    return true;
  }

  private known(): string[] {
    return (process.env['DASHBOARD_USERS'] ?? '').split(',').filter((one) => /^[^:]+:.+$/.test(one));
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
